import { collectLater, LogLevel, logString, Property, Text } from "../sdk";
import { Cluster } from "./cluster";
import { parseConfiguration } from "./configuration";
import { Settings } from "./settings";

/** Namespace of a cluster's `metadata.filter_metadata`. */
const NAMESPACE = "meshwright.ejection";

const version = Property.of(["xds", "cluster_metadata", "filter_metadata", NAMESPACE, "version"]);
const configuration = Property.of(["xds", "cluster_metadata", "filter_metadata", NAMESPACE, "configuration"]);

/**
 * Takes the settings of the current attempt's cluster from its metadata, `{version, configuration}`, both texts; the second is what the
 * filter's configuration is, JSON. It is read only where the version is a new one. What cannot be accepted leaves the settings as they
 * were. Returns whether they changed.
 */
export function readMetadata(cluster: Cluster, fallback: Settings | null): bool {
  const now = version.get();
  if (now == null) {
    if (cluster.version.bytes.length == 0) return false;
    cluster.version = Text.of("");
    cluster.settings = fallback;
    return true;
  }
  if (now.equals(cluster.version.bytes)) return false;
  cluster.version = Text.from(now);
  collectLater();
  const source = configuration.get();
  if (source == null) return false;
  const result = parseConfiguration(source);
  const problem = result.problem;
  if (problem != null) {
    logString(LogLevel.Error, "metadata of cluster " + cluster.name.toString() + " refused: " + problem);
    return false;
  }
  cluster.settings = result.settings;
  return true;
}
