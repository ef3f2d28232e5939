/** Whether onnxruntime-node can be loaded on this machine. */
export interface OnnxRuntimeInfo {
  readonly available: boolean;
  readonly version: string | null;
  /** Why it is not available; null when it is. */
  readonly reason: string | null;
}

/** Loads onnxruntime-node to see whether it is there. Never throws. */
export async function onnxRuntimeInfo(): Promise<OnnxRuntimeInfo> {
  try {
    const { env } = await import('onnxruntime-node');
    return { available: true, version: env.versions.node ?? env.versions.common, reason: null };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? error.name) : String(error);
    return { available: false, version: null, reason };
  }
}
