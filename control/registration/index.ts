/** Proxies of virtual machines that register with a WorkloadGroup: each has a WorkloadEntry while it is connected. */
export { Registrations, type RegistrationsOptions } from "./registrations.ts";
