/** `name=value` texts with commas between, as the environment has several switches of one setting. */
export function settingParts(text: string): (readonly [name: string, value: string])[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const at = part.indexOf('=');
      return at === -1 ? [part, ''] : [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    });
}
