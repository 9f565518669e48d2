export interface Source {
  readonly file: string;
  readonly text: string;
}

export interface Tree {
  readonly sources: readonly Source[];
  readonly manifests: Readonly<Record<string, { readonly dependencies?: Readonly<Record<string, string>> }>>;
}

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly what: string;
  readonly why: string;
}

export const mayImport: Readonly<Record<string, readonly string[]>>;
export function readTree(top?: string): Tree;
export function importViolations(tree: Tree): Violation[];
export function timeAndChanceViolations(tree: Pick<Tree, 'sources'>): Violation[];
