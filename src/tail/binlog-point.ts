/** A place in the binlog: between two events of a file. */
export interface BinlogPoint {
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly pos: number;
}

/** Order of two places of one server: by the number of the file (999999 comes before 1000000), then by byte. */
export function compareBinlogPoints(a: BinlogPoint, b: BinlogPoint): number {
  return a.file === b.file ? a.pos - b.pos : fileNumber(a.file) - fileNumber(b.file);
}

/** The number at the end of a binlog file's name. */
export const fileNumber = (file: string): number => Number(file.slice(file.lastIndexOf('.') + 1));
