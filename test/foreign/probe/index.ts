import { callMore } from "./calls";
import { callNewer } from "./newer";

export * from "./probe";

callMore(callNewer);
