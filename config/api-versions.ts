/**
 * Two versions of an API side by side, told apart by a header: `Api-Version: 2` is served by the new application, which
 * knows nothing of versions in paths, everything else by the old one, which wants them there.
 *
 *     cutover run --config config/api-versions.ts
 */
// Where Cutover is installed as a package: from 'cutover'.
import { defineConfig, type FilterRequest, respond } from '../src/index.ts';

const VERSIONS = ['1', '2'];

function versionOf(request: FilterRequest): string {
  return request.header('api-version') ?? '1';
}

export default defineConfig({
  listeners: { web: { listen: '0.0.0.0:8080' } },
  services: {
    api: {
      pools: {
        v1: { version: '1', targets: [{ url: 'http://127.0.0.1:3001' }] },
        v2: { version: '2', targets: [{ url: 'http://127.0.0.1:3002' }] },
      },
      split: { v1: 100 },
      rules: [{ name: 'version-2', when: { headers: { 'api-version': '2' } }, pool: 'v2' }],
      filters: [
        {
          onRequest(request) {
            if (!VERSIONS.includes(versionOf(request))) {
              return respond(400, { 'Content-Type': 'application/json' }, JSON.stringify({ versions: VERSIONS }));
            }
            if (request.pool === 'v1') request.setPath(`/v1${request.path}`);
            request.removeHeader('api-version');
            return undefined;
          },
          onResponse(response, request) {
            response.setHeader('API-Version', request.path.startsWith('/v1/') ? '1' : '2');
            response.appendHeader('Vary', 'Api-Version');
          },
        },
      ],
    },
  },
});
