export { characterLength, isUtf8, toUtf8 } from "./utf8";
