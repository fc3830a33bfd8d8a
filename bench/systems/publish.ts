import { Agent, request } from 'node:http';

/** Where a server takes its events by HTTP. One connection keeps their order. */
export function publishTo(port: number, path: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    /** Resolves with the answer. */
    post: (body: string) =>
      new Promise<string>((resolve, reject) => {
        const post = request({ port, method: 'POST', path, agent }, async (response) => {
          let text = '';
          for await (const chunk of response) text += chunk;
          if (Number(response.statusCode) < 300) resolve(text);
          else reject(new Error(`${response.statusCode} ${text}`));
        });
        post.once('error', reject);
        post.end(body);
      }),
    close: async () => agent.destroy(),
  };
}
