/** PEM. */
export interface ServerKeyPair {
  /** The server's own certificate first. */
  readonly certificate: string;
  readonly key: string;
}

/** What a server shows, which is replaced while it runs. Connections that have begun keep what they began with. */
export interface ServerCertificate {
  current(): ServerKeyPair;
  /** @returns ends that */
  onChange(listener: () => void): () => void;
}
