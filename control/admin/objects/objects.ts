import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ControlService } from "../../control-service.ts";
import { KINDS } from "../../kinds/index.ts";
import { meshConfigOfConfigMap } from "../../kinds/mesh-config/index.ts";
import { formatPath, type Manifest, type MeshObject, objectKey, type Problem } from "../../model/index.ts";
import { API_FOLDER, type ApiFile, type ApiSource } from "../../sources/api/index.ts";
import { BodyError, LONGEST_BODY, readBody } from "./body.ts";
import {
  compareObjects,
  contentVersion,
  manifestIn,
  type RequestDocument,
  shown,
  type ShownObject,
  versionOf,
  withoutVersion,
} from "./document.ts";
import { kindNamed } from "./kinds.ts";
import { writing } from "../roles.ts";

/** What became of a request that changes objects. */
export interface ObjectsAnswer {
  readonly objects: readonly ObjectResult[];
  /** What was wrong, where nothing was applied; else what is new since: warnings, and errors of others that it brings about. */
  readonly problems: readonly ShownProblem[];
  readonly dryRun: boolean;
}

export interface ObjectResult {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly result: "created" | "updated" | "unchanged" | "deleted";
  /** Of what is there now; absent where nothing is. */
  readonly resourceVersion?: string;
  /** Under which problems name it. */
  readonly file: string;
}

export type ShownProblem = Omit<Problem, "path"> & { readonly path: string };

interface Name {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Why a request is refused. */
class Refusal extends Error {
  readonly status: 400 | 404 | 409 | 412 | 422 | 503;
  readonly problems: readonly Problem[];

  constructor(status: Refusal["status"], message: string, problems: readonly Problem[] = []) {
    super(message);
    this.status = status;
    this.problems = problems;
  }
}

/** One document of a request and the object that it is about. */
interface Wanted extends Name {
  readonly file: string;
  readonly manifest: Manifest;
  readonly document: RequestDocument;
  readonly resourceVersion: string | undefined;
}

const KIND_NAMES = KINDS.map(({ kind }) => kind);

/** Objects: shown wherever they come from, and changed where they come from here. */
export function addObjects(app: Hono, service: ControlService, source: ApiSource | undefined): void {
  const isOfApi = (file: string) => source?.has(file) ?? false;
  const show = (object: MeshObject): ShownObject => shown(object, isOfApi);
  const bounded = bodyLimit({
    maxSize: LONGEST_BODY,
    onError: (context) => context.json({ error: `at most ${LONGEST_BODY} bytes are read; send fewer objects at once` }, 413),
  });
  const changing = (handle: (context: Context, source: ApiSource) => Promise<Response>) => async (context: Context) => {
    if (source === undefined) return context.json({ error: "this service takes no objects by its API" }, 404);
    try {
      return await handle(context, source);
    } catch (error) {
      if (error instanceof Refusal) return context.json({ error: error.message, problems: error.problems.map(shownProblem) }, error.status);
      if (error instanceof BodyError) return context.json({ error: error.message }, error.status);
      throw error;
    }
  };

  app.get("/api/v1/objects", (context) => {
    const { kind: asked, namespace, name } = context.req.query();
    const kind = asked === undefined ? undefined : kindNamed(asked, KIND_NAMES);
    if (asked !== undefined && kind === undefined) return context.json({ error: noKind(asked) }, 400);
    const objects = [...service.objects.values()].filter(
      (object) =>
        (kind === undefined || object.kind === kind) &&
        (namespace === undefined || object.metadata.namespace === namespace) &&
        (name === undefined || object.metadata.name === name),
    );
    return context.json({ objects: objects.sort(compareObjects).map(show) });
  });

  app.get("/api/v1/objects/:kind/:namespace/:name", (context) => {
    const of = nameIn(context);
    const object = of === undefined ? undefined : service.objects.get(keyOf(of));
    if (object === undefined) return context.json({ error: `there is no ${context.req.path.slice("/api/v1/objects/".length)}` }, 404);
    context.header("etag", `"${versionOf(object)}"`);
    return context.json(show(object));
  });

  const apply = async (context: Context, api: ApiSource, only: Name | undefined): Promise<Response> => {
    const wanted = await wantedOf(context, only);
    const conditions = conditionsOf(context);
    const files = new Map<string, ApiFile>(
      wanted.map(({ file, document, manifest }) => [file, { text: document.text, manifests: [manifest] }]),
    );
    const before = new Map<string, MeshObject | undefined>();
    const { problems } = await change(context, service, api, files, () => {
      for (const each of wanted) {
        const object = service.objects.get(keyOf(each));
        before.set(each.file, object);
        requireOfApi(each, object, api);
        requireVersion(each, object, each.resourceVersion, conditions);
      }
    });
    const objects = wanted.map((each): ObjectResult => {
      const { kind, namespace, name, file } = each;
      const old = before.get(file);
      const now = isDryRun(context) ? undefined : service.objects.get(keyOf(each));
      const result = old === undefined ? "created" : sameContent(old, each) ? "unchanged" : "updated";
      return { kind, namespace, name, file, result, ...(now === undefined ? {} : { resourceVersion: versionOf(now) }) };
    });
    const [first] = objects;
    if (only !== undefined && first?.resourceVersion !== undefined) context.header("etag", `"${first.resourceVersion}"`);
    return context.json({ objects, problems: problems.map(shownProblem), dryRun: isDryRun(context) } satisfies ObjectsAnswer);
  };

  const remove = async (
    context: Context,
    api: ApiSource,
    all: readonly Pick<Wanted, keyof Name | "resourceVersion">[],
  ): Promise<Response> => {
    const { problems } = await change(context, service, api, new Map(all.map((each) => [fileOf(each), undefined])), () => {
      for (const each of all) {
        const object = service.objects.get(keyOf(each));
        const isOurs = api.has(fileOf(each));
        if (object === undefined && !isOurs) throw new Refusal(404, `there is no ${textOf(each)}`);
        if (!isOurs) requireOfApi(each, object, api);
        requireVersion(each, object, each.resourceVersion, conditionsOf(context));
      }
    });
    const objects = all.map(({ kind, namespace, name }): ObjectResult => {
      const of = { kind, namespace, name };
      return { ...of, file: fileOf(of), result: "deleted" };
    });
    return context.json({ objects, problems: problems.map(shownProblem), dryRun: isDryRun(context) } satisfies ObjectsAnswer);
  };

  app.post(
    "/api/v1/objects",
    writing,
    bounded,
    changing((context, api) => apply(context, api, undefined)),
  );

  app.put(
    "/api/v1/objects/:kind/:namespace/:name",
    writing,
    bounded,
    changing((context, api) => {
      const only = nameIn(context);
      if (only === undefined) throw new Refusal(400, noKind(context.req.param("kind") ?? ""));
      return apply(context, api, only);
    }),
  );

  app.delete(
    "/api/v1/objects/:kind/:namespace/:name",
    writing,
    changing(async (context, api) => {
      const of = nameIn(context);
      if (of === undefined) throw new Refusal(400, noKind(context.req.param("kind") ?? ""));
      return remove(context, api, [{ ...of, resourceVersion: undefined }]);
    }),
  );

  app.delete(
    "/api/v1/objects",
    writing,
    bounded,
    changing(async (context, api) => remove(context, api, await wantedOf(context, undefined))),
  );
}

/** Has a change judged and, unless it is a dry run, applied. Throws a {@link Refusal} where it is refused. */
async function change(
  context: Context,
  service: ControlService,
  api: ApiSource,
  files: ReadonlyMap<string, ApiFile>,
  precondition: () => void,
): Promise<{ readonly problems: readonly Problem[] }> {
  const answer = await service.submit({
    source: api.name,
    dryRun: isDryRun(context),
    stage: () => {
      precondition();
      const { change: staged, keep } = api.stage(files);
      return { change: staged, keep: () => keep().catch(unkept) };
    },
  });
  if (!answer.taken) {
    const count = answer.problems.filter(({ level }) => level === "error").length;
    throw new Refusal(422, `nothing is applied: ${count === 1 ? "there is an error" : `there are ${count} errors`}`, answer.problems);
  }
  return answer;
}

function unkept(error: unknown): never {
  throw new Refusal(503, `nothing is applied, since it cannot be kept: ${error instanceof Error ? error.message : String(error)}`);
}

async function wantedOf(context: Context, only: Name | undefined): Promise<readonly Wanted[]> {
  const { documents, problems } = await readBody(new Uint8Array(await context.req.arrayBuffer()));
  if (problems.some(({ level }) => level === "error")) throw new Refusal(422, "nothing is applied: the body cannot be read", problems);
  if (documents.length === 0) throw new Refusal(400, "the body holds no object");
  const wanted = documents.map((each, index) => wantedIn(each, index, only));
  if (only !== undefined && wanted.length > 1) throw new Refusal(400, `the body holds ${wanted.length} objects; one is put at a time`);
  const seen = new Set<string>();
  for (const each of wanted) {
    if (seen.has(each.file)) throw new Refusal(400, `${textOf(each)} stands twice in the body`);
    seen.add(each.file);
  }
  return wanted;
}

function wantedIn(sent: RequestDocument, index: number, only: Name | undefined): Wanted {
  const { document, resourceVersion } = withoutVersion(sent);
  const mapped = meshConfigOfConfigMap(manifestIn("", document))?.value ?? document.value;
  const { kind, metadata } = mapped;
  const { name, namespace = only?.namespace ?? "default" } =
    typeof metadata === "object" && metadata !== null ? (metadata as Record<string, unknown>) : {};
  const which = `object ${index + 1} of the body`;
  if (typeof kind !== "string" || !KIND_NAMES.includes(kind))
    throw new Refusal(422, `${which}: ${typeof kind === "string" ? noKind(kind) : '"kind" is missing'}`);
  if (typeof name !== "string" || typeof namespace !== "string" || !PLAIN.test(name) || !PLAIN.test(namespace))
    throw new Refusal(422, `${which}: metadata has no name that can be one`);
  const of = { kind, namespace, name };
  if (only !== undefined && keyOf(of) !== keyOf(only))
    throw new Refusal(400, `the body is ${textOf(of)}, and the path names ${textOf(only)}`);
  const file = fileOf(of);
  const manifest = manifestIn(file, document);
  return { ...of, file, document, resourceVersion, manifest: meshConfigOfConfigMap(manifest) ?? manifest };
}

/** What may stand in a file name; whether it is a name, the object's own check says. */
const PLAIN = /^[^/\u0000-\u001f\u007f]{1,253}$/;

interface Conditions {
  readonly match: string | undefined;
  readonly noneMatch: string | undefined;
}

function conditionsOf(context: Context): Conditions {
  return { match: context.req.header("if-match"), noneMatch: context.req.header("if-none-match") };
}

/** RFC 9110, 13.1: `If-Match` wants this very version, `If-None-Match: *` that there is none. */
function requireVersion(of: Name, object: MeshObject | undefined, wanted: string | undefined, { match, noneMatch }: Conditions): void {
  const version = object === undefined ? undefined : versionOf(object);
  if (match !== undefined && (version === undefined || (match !== "*" && !tagsIn(match).includes(version))))
    throw new Refusal(412, `${textOf(of)} is ${version === undefined ? "not there" : `of version ${version}`}: it was changed meanwhile`);
  if (noneMatch === "*" && object !== undefined) throw new Refusal(412, `${textOf(of)} is there already`);
  if (wanted !== undefined && wanted !== version)
    throw new Refusal(
      409,
      `${textOf(of)} is ${version === undefined ? "not there any more" : `of version ${version} by now`}, and the document says ${wanted}: get it again and repeat the change`,
    );
}

function tagsIn(header: string): readonly string[] {
  return Array.from(header.matchAll(/"([^"]*)"/g), ([, tag = ""]) => tag);
}

function requireOfApi(of: Name, object: MeshObject | undefined, api: ApiSource): void {
  if (object === undefined) return;
  const { file, line } = object.place();
  if (api.has(file)) return;
  throw new Refusal(409, `${textOf(of)} stands in ${file}:${line}, which the service watches; change it there`);
}

function sameContent(object: MeshObject, { manifest }: Wanted): boolean {
  return versionOf(object) === contentVersion(manifest);
}

function isDryRun(context: Context): boolean {
  return context.req.query("dryRun") === "true";
}

function nameIn(context: Context): Name | undefined {
  const { kind: asked = "", namespace = "", name = "" } = context.req.param() as Partial<Record<string, string>>;
  const kind = kindNamed(asked, KIND_NAMES);
  return kind === undefined ? undefined : { kind, namespace, name };
}

function keyOf({ kind, namespace, name }: Name): string {
  return objectKey({ kind, metadata: { name, namespace } as MeshObject["metadata"] });
}

function fileOf({ kind, namespace, name }: Name): string {
  return `${API_FOLDER}/${kind}/${namespace}/${name}.yaml`;
}

function textOf({ kind, namespace, name }: Name): string {
  return `${kind} ${namespace}/${name}`;
}

function noKind(name: string): string {
  return `there is no kind ${name} in a mesh; there are ${KIND_NAMES.join(", ")}`;
}

function shownProblem(problem: Problem): ShownProblem {
  return { ...problem, path: formatPath(problem.path) };
}
