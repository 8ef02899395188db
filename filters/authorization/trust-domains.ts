const DEFAULT_TRUST_DOMAIN = "cluster.local";

/**
 * The mesh's trust domain and those that mean the same (Istio's `meshConfig.trustDomain`, `trustDomainAliases`). A principal of one of them, or of
 * `cluster.local`, which stands for the mesh's own, is taken in all of them.
 */
@final
export class TrustDomains {
  readonly names: string[] = [];

  /** The principals that `principal` stands for: at least itself. */
  expand(principal: string): string[] {
    const parts = principal.split("/");
    const names = this.names;
    // Istio leaves alone what is no whole TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT, and a star for any trust domain.
    if (names.length == 0 || parts.length != 5 || parts[1] != "ns" || parts[3] != "sa" || parts[0] == "*") return [principal];
    if (!this.includes(parts[0])) return [principal];
    const rest = principal.substring(parts[0].length);
    const expanded: string[] = parts[0].startsWith("*") ? [principal] : [];
    for (let i = 0; i < names.length; i++) {
      if (!expanded.includes(names[i] + rest)) expanded.push(names[i] + rest);
    }
    return expanded;
  }

  private includes(name: string): bool {
    if (name == DEFAULT_TRUST_DOMAIN) return true;
    for (let i = 0; i < this.names.length; i++) {
      if (name.startsWith("*") ? this.names[i].endsWith(name.substring(1)) : this.names[i] == name) return true;
    }
    return false;
  }
}
