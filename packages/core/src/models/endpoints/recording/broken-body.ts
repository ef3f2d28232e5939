/** Statuses whose responses have no body. */
export const NO_BODY: readonly number[] = [204, 205, 304];

/** A body that breaks off after a text. */
export function brokenBody(text: string, error: Error): ReadableStream<Uint8Array> {
  let sent = false;
  return new ReadableStream({
    pull: (controller) => {
      if (sent) controller.error(error);
      else controller.enqueue(new TextEncoder().encode(text));
      sent = true;
    },
  });
}
