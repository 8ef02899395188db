import { testGoldens } from "../testing/goldens.ts";
import { proxyConfig } from "./index.ts";

testGoldens(proxyConfig, import.meta.dirname);
