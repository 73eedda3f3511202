/** How long one event may be, in characters: a server that sends more is none of this API. */
const MAX_LENGTH = 1_000_000;

/**
 * The data of server-sent events. Comments, which keep the connection alive, and other fields are left out.
 *
 * @throws Error When an event is too long.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      if (text.length > MAX_LENGTH) throw new Error(`an event of more than ${MAX_LENGTH} characters`);
      const lines = text.split('\n');
      text = lines.pop()!;
      for (const line of lines) {
        if (line.startsWith('data:')) data.push(line.slice(5).trim());
        if (line !== '' || data.length === 0) continue;
        yield data.join('\n');
        data = [];
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
