import { testGoldens } from "../testing/goldens.ts";
import { virtualService } from "./index.ts";

testGoldens(virtualService, import.meta.dirname);
