export { isHeaderName, isHeaderValue, isMethod, isToken } from "./header";
