import type { FrameworkInfo } from '@mesos-ts/protocol';

/**
 * The roles in which a framework wants no offers. Every registration tells them, since its leader may know nothing of
 * them; what changes while one is on its way is told once it is answered.
 */
export class SuppressedRoles {
  readonly #all: readonly string[];
  readonly #suppressed: Set<string>;
  /** What was told by the registrations since the last answer: any of them may be the one that is answered. */
  readonly #told = { suppressed: new Set<string>(), open: new Set<string>() };

  constructor({ roles, suppressedRoles }: FrameworkInfo) {
    this.#all = roles;
    this.#suppressed = new Set(suppressedRoles);
  }

  /** @param roles none: all. */
  suppress(roles: readonly string[]): void {
    for (const role of this.#named(roles)) this.#suppressed.add(role);
  }

  /** @param roles none: all. */
  revive(roles: readonly string[]): void {
    for (const role of this.#named(roles)) this.#suppressed.delete(role);
  }

  /** The framework as it is to be registered now. */
  tell(framework: FrameworkInfo): FrameworkInfo {
    const { suppressedRoles: _former, ...rest } = framework;
    for (const role of this.#all) (this.#suppressed.has(role) ? this.#told.suppressed : this.#told.open).add(role);
    return this.#suppressed.size === 0 ? rest : { ...rest, suppressedRoles: [...this.#suppressed] };
  }

  /** A registration is answered: in what it may have been wrong. */
  answered(): { readonly revived: readonly string[]; readonly suppressed: readonly string[] } {
    const { suppressed, open } = this.#told;
    const wrong = {
      revived: [...suppressed].filter((role) => !this.#suppressed.has(role)),
      suppressed: [...open].filter((role) => this.#suppressed.has(role)),
    };
    suppressed.clear();
    open.clear();
    return wrong;
  }

  #named(roles: readonly string[]): readonly string[] {
    return roles.length === 0 ? this.#all : roles;
  }
}
