/** A web server: IIS, nginx or Apache as the persona has it, on plain ports and TLS ports alike. What each product does differently is in `products/`. */
import { type CloseReason, type Connection, defineService } from '../kernel/contract.ts';
import { openHttp } from './connection.ts';
import { events } from './events.ts';
import { options } from './options.ts';
import { productOf } from './products/index.ts';
import { openSecure, openStray, openWrongPort } from './transport.ts';

const TLS_HANDSHAKE = 0x16;

export const http = defineService({
  name: 'http',
  title: 'Web server',
  transport: 'tcp',
  ports: [80, 8080, 443, 8443],
  personas: ['ubuntu-server', 'windows-server'],
  options,
  events,
  product: (persona) => productOf(persona).title,
  open(session, settings) {
    let chosen: Connection | undefined;
    const tls = settings.tlsPorts.includes(session.local.port);
    const plain = { send: (bytes: Buffer) => session.send(bytes), finish: (why: CloseReason) => session.close(why) };
    // The first byte decides: on a TLS port between TLS and a refusal, on a plain one between HTTP and a stray hello.
    return {
      data(chunk) {
        if (chosen === undefined) {
          const hello = chunk[0] === TLS_HANDSHAKE;
          if (tls) chosen = hello ? openSecure(session, settings) : openWrongPort(session);
          else {
            const direct = openHttp(session, settings, false, plain);
            chosen = hello ? openStray(session, direct) : direct;
          }
        }
        chosen.data(chunk);
      },
      closed: () => chosen?.closed?.(),
    };
  },
});
