// Tells the code of a TypeScript source from its comments and texts.

/** After these words and signs a `/` begins a regular expression; after anything else it divides. */
const beforeExpression =
  /(^|[([{,;:=!&|?+\-*%~^<>}]|\b(return|typeof|case|in|of|new|delete|void|throw|await|yield|else|do))$/;
const regularExpression = /\/(?![*/])(?:[^\\/[\n]|\\.|\[(?:[^\\\]\n]|\\.)*\])+\//y;
const plainCode = /[^'"`/{}]+/y;
const quoted = /'(?:[^'\\\n]|\\[\s\S])*'?|"(?:[^"\\\n]|\\[\s\S])*"?/y;
const comment = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
const templateText = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y;

/**
 * The source with its comments, regular expressions and the insides of its texts turned into blanks: same length, same
 * lines, quotes kept. Code inside the `${}` of a template stays.
 */
export function codeOf(source) {
  let code = '';
  /** The open `{`: true for one that a template's `${` opened. */
  const braces = [];
  const match = (pattern) => {
    pattern.lastIndex = code.length;
    return pattern.exec(source)?.[0];
  };
  const template = () => {
    code += blank(match(templateText) ?? '');
    if (source[code.length] === '`') code += '`';
    else if (code.length < source.length) {
      code += '${';
      braces.push(true);
    }
  };
  while (code.length < source.length) {
    const character = source[code.length];
    const text = match(plainCode);
    if (text !== undefined) code += text;
    else if (character === "'" || character === '"') code += blankInside(match(quoted) ?? character);
    else if (character === '/') code += slash(code, match);
    else {
      code += character;
      if (character === '{') braces.push(false);
      if (character === '`' || (character === '}' && braces.pop() === true)) template();
    }
  }
  return code;
}

function slash(code, match) {
  const remark = match(comment);
  if (remark !== undefined) return blank(remark);
  const expression = beforeExpression.test(code.slice(-200).trimEnd()) ? match(regularExpression) : undefined;
  return expression === undefined ? '/' : blank(expression);
}

function blank(text) {
  return text.replace(/[^\n]/g, ' ');
}

function blankInside(text) {
  return text.length < 2 ? text : text[0] + blank(text.slice(1, -1)) + text.at(-1);
}

/** The line, from 1, of a position in a source. */
export function lineAt(source, position) {
  return source.slice(0, position).split('\n').length;
}
