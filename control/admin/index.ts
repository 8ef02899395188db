/** The administration interface: HTTP, on loopback unless a bearer token is asked for. */
export { AdminListener, type AdminOptions, isLoopback } from "./listener.ts";
