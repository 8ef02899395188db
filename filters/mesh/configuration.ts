import { Config, ConfigValue } from "../lib/config";
import { Bytes, Root } from "../sdk";
import { Chain, findEntry, namesOf } from "./catalogue";

const FIELDS: string[] = ["filters"];
const FILTER_FIELDS: string[] = ["name", "configuration"];

/** What became of a configuration: the filters that are to run, in order, or what is wrong with it in one line. */
@final
export class Parsed {
  constructor(
    readonly members: Root[],
    readonly problem: string | null,
  ) {}
}

/**
 * Reads `{filters: [{name, configuration}]}`, described by mesh.schema.json. A filter's problems are told as those of the whole. What
 * was configured before a problem was found is ended again: half of a chain must not go on fetching keys.
 */
export function parseConfiguration(source: Bytes, composite: Root, chain: Chain): Parsed {
  const config = new Config(source);
  const members: Root[] = [];
  const root = config.root;
  let problem: string | null = null;
  if (root != null) {
    const filters = root.object(FIELDS).required("filters");
    if (filters != null) problem = parseFilters(filters, composite, chain, members);
  }
  const own = config.problem;
  if (own != null) problem = problem != null ? own + "; " + problem : own;
  if (problem == null) return new Parsed(members, null);
  for (let i = 0; i < members.length; i++) members[i].onDelete();
  return new Parsed([], problem);
}

/** Returns the problems that the filters themselves have with their configurations. */
function parseFilters(filters: ConfigValue, composite: Root, chain: Chain, members: Root[]): string | null {
  const items = filters.items();
  const names: string[] = [];
  let problem: string | null = null;
  for (let i = 0; i < items.length; i++) {
    const item = items[i].object(FILTER_FIELDS);
    const nameField = item.required("name");
    const configuration = item.required("configuration");
    if (nameField == null || configuration == null) continue;
    const name = nameField.text().toString();
    const entry = findEntry(name, chain);
    if (entry == null) {
      nameField.report("no filter of this root; there are " + namesOf(chain));
      continue;
    }
    // Two would take each other's headers, filter state and metrics for their own.
    if (names.includes(name)) nameField.report("stands twice");
    names.push(name);
    const member = entry.create();
    member.beginWithin(composite);
    const refused = member.configure(Config.enter(configuration));
    Config.leave();
    if (refused == null) members.push(member);
    else problem = problem != null ? problem + "; " + refused : refused;
  }
  return problem;
}
