import { testGoldens } from "../testing/goldens.ts";
import { peerAuthentication } from "./index.ts";

testGoldens(peerAuthentication, import.meta.dirname);
