/**
 * Cuts an SQL script at its semicolons: those in quotes and in comments do not count, and whole-line
 * comments between statements are left out. Not for scripts with DELIMITER.
 *
 * @returns statements without their semicolon, in order.
 */
export function splitStatements(script: string): string[] {
  const statements: string[] = [];
  let current = '';
  for (const [token] of script.matchAll(tokens)) {
    if (token === ';') {
      statements.push(current.trim());
      current = '';
    } else if (!token.startsWith('--') || current.trim() !== '') current += token;
  }
  statements.push(current.trim());
  return statements.filter((statement) => statement !== '');
}

/** Quoted text, line comment, block comment, semicolon, a run of anything else, one character. */
const tokens =
  /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`|--[^\n]*\n?|\/\*[^]*?\*\/|;|[^'"`;/-]+|[^]/g;
