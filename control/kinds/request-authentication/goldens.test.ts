import { testGoldens } from "../testing/goldens.ts";
import { requestAuthentication } from "./index.ts";

testGoldens(requestAuthentication, import.meta.dirname);
