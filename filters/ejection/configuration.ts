import { Config } from "../lib/config";
import { xxHash64 } from "../lib/hash";
import { Bytes, Text } from "../sdk";
import { parseHold } from "./hold-configuration";
import { parseOutlierDetection } from "./outlier-configuration";
import { ReportSettings } from "./report";
import { parseReport } from "./report-configuration";
import { parseRules } from "./rule-configuration";
import { EjectBy, Settings } from "./settings";
import { parseWindows } from "./window-configuration";

const FIELDS: string[] = [
  "cluster",
  "outlierDetection",
  "rules",
  "successRate",
  "failurePercentage",
  "latency",
  "ejectBy",
  "hold",
  "report",
];

/** What became of a configuration: settings, or what is wrong with it in one line. */
@final
export class Parsed {
  cluster: Text | null = null;
  report: ReportSettings | null = null;

  constructor(
    readonly settings: Settings | null,
    readonly problem: string | null,
  ) {}
}

/** Reads what ejection.schema.json describes. */
export function parseConfiguration(source: Bytes): Parsed {
  const config = new Config(source);
  const settings = new Settings();
  let cluster: Text | null = null;
  let report: ReportSettings | null = null;
  const root = config.root;
  if (root != null) {
    root.object(FIELDS);
    const name = root.get("cluster");
    if (name != null) cluster = name.nonEmptyText();
    const outlierDetection = root.get("outlierDetection");
    if (outlierDetection != null) parseOutlierDetection(outlierDetection, settings);
    const rules = root.get("rules");
    if (rules != null) parseRules(rules, settings);
    parseWindows(root, settings);
    const ejectBy = root.get("ejectBy");
    if (ejectBy != null) {
      const text = ejectBy.text().toString();
      if (text == "healthCheck") settings.ejectBy = EjectBy.HealthCheck;
      else if (text != "outlierDetection") ejectBy.report("must be outlierDetection or healthCheck");
    }
    const hold = root.get("hold");
    if (hold != null) parseHold(hold, settings);
    const reporting = root.get("report");
    if (reporting != null) report = parseReport(reporting);
  }
  const problem = config.problem;
  if (problem != null) return new Parsed(null, problem);
  settings.version = (<u32>xxHash64(source)) | 1;
  const parsed = new Parsed(settings.judges ? settings : null, null);
  parsed.cluster = cluster;
  parsed.report = report;
  return parsed;
}
