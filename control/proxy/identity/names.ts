/** The name of the secret with which the Envoy beside this process knows the control service. */
export const CONTROL_AUTHORITIES = "control-authorities";
