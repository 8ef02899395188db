export { Spread } from "./spread";
