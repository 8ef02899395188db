import { measureInterleaved } from "../measure/interleaved.ts";
import { pairedDifference } from "../statistics.ts";
import { HOSTS } from "../variants/hosts.ts";
import { describeMissing, digits, type Section } from "./section.ts";

export const hosts: Section = {
  id: "hosts",
  title: "Hosts of a mesh",
  text: "What it costs a sidecar to find the routes of a request by its host among scopes (SRDS), one for each host. Added to one route configuration with all hosts, which a change of any host sends anew.",
  async run(context) {
    const { micros, missing } = await measureInterleaved(HOSTS, context);
    const base = micros.get("host-plain");
    const figures: Record<string, number> = {};
    const rows = HOSTS.filter(({ id }) => id !== "host-plain").map(({ id, title }) => {
      const own = micros.get(id);
      if (own === undefined || base === undefined) return [title, "–"];
      const added = pairedDifference([own, base]);
      figures[id] = added;
      return [title, digits(added)];
    });
    return {
      effort: `${context.rounds} rounds of ${context.batches} batches`,
      columns: ["a host", "adds, µs"],
      rows,
      figures,
      missing: describeMissing(HOSTS, missing),
    };
  },
};
