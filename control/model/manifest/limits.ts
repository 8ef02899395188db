/** What is read, and no more: the largest of Kubernetes' own (1.5 MiB an object, etcd's limit of a request) with room to spare. */
export const Limit = {
  /** Bytes of a file. */
  file: 64 * 1024 * 1024,
  /** Characters of one document. */
  document: 16 * 1024 * 1024,
  /** Levels of mappings and lists in one document. */
  depth: 100,
  /** Values that a document may gain by aliases: enough for every honest use, and what "a billion laughs" stops at. */
  aliased: 20_000,
  /** Lines with errors that are told of a document that is no YAML. */
  syntaxProblems: 5,
  /** Problems that are told of the values of one document. */
  problems: 20,
} as const;
