import { certificates } from "../certificates/section.ts";
import { policies } from "../control/policy-section.ts";
import { controlService } from "../control/section.ts";
import { answers } from "./answers.ts";
import { algorithms, authentication } from "./authentication.ts";
import { authorization } from "./authorization.ts";
import { ejection } from "./ejection.ts";
import { fault } from "./fault.ts";
import { headerJob } from "./header-job.ts";
import { hosts } from "./hosts.ts";
import { inProcess } from "./in-process.ts";
import { liveStreams } from "./live-streams.ts";
import { memory, vms } from "./memory.ts";
import { mesh } from "./mesh.ts";
import { ratelimit } from "./ratelimit.ts";
import { routing } from "./routing.ts";
import type { Section } from "./section.ts";
import { telemetry } from "./telemetry.ts";
import { throughput } from "./throughput.ts";

/** In the order of the report. */
export const SECTIONS: readonly Section[] = [
  headerJob,
  liveStreams,
  routing,
  authorization,
  authentication,
  algorithms,
  fault,
  ratelimit,
  ejection,
  telemetry,
  mesh,
  hosts,
  throughput,
  memory,
  vms,
  inProcess,
  answers,
  controlService,
  policies,
  certificates,
];
