/** Whether a file is read: YAML or JSON, and none that an editor, a version control or an atomic swap leaves about. */
export function isManifestFile(name: string): boolean {
  return /\.(?:ya?ml|json)$/i.test(name) && !isHidden(name);
}

/** Names that begin with a dot (also Kubernetes' `..data`), `#name#` of Emacs, `name~` of many. */
export function isHidden(name: string): boolean {
  return name.startsWith(".") || name.startsWith("#") || name.endsWith("~");
}
