// All but what needs an escape: control characters, quote, backslash and surrogates.
const special = /[^ !#-[\]-\ud7ff\ue000-\uffff]/;
const eachSpecial = /[^ !#-[\]-\ud7ff\ue000-\uffff]/g;

/**
 * A JSON string in the bytes that Kafka Connect's JsonConverter (Jackson) writes: control characters
 * and both halves of a surrogate pair as `\uXXXX` in capital hex, the rest as it is. Keys are hashed
 * to partitions by these bytes.
 */
export const jsonText = (text: string): string =>
  special.test(text) ? `"${text.replace(eachSpecial, escaped)}"` : `"${text}"`;

const short: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

const escaped = (char: string): string =>
  short[char] ?? `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
