import { testGoldens } from "../testing/goldens.ts";
import { secret } from "./index.ts";

testGoldens(secret, import.meta.dirname);
