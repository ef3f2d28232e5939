export type Opener<T> = () => Promise<T>;

/** Opens at the first call and again only after a failure. */
export function openOnce<T>(open: Opener<T>): Opener<T> {
  let opening: Promise<T> | null = null;
  return () => {
    opening ??= open().catch((error: unknown) => {
      opening = null;
      throw error;
    });
    return opening;
  };
}
