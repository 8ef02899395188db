/** What becomes of changes before they count: taken as far as they are good (`warn`), or whole or not at all (`strict`). */
export { Admission, type AdmissionMode, type AdmissionOptions, AdmissionError, type RefusedSet } from "./admission.ts";
export type { Answer, ChangeSet } from "./change-set.ts";
