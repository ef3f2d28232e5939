/** Cost of reading one row through a head, in bytes: of the row itself, or of a two-layer head's products where these take longer. */
export function rowBytes(rows: { readonly BYTES_PER_ELEMENT: number }, width: number, hiddenSize: number): number {
  return width * Math.max(rows.BYTES_PER_ELEMENT, hiddenSize / 2);
}
