import { storeContract } from './contract.ts';
import { startTestHost } from './host/testing.ts';

storeContract('embedded engine', async () => {
  const host = await startTestHost();
  return {
    connect: (database) => host.connect(database),
    close: () => host.close(),
    async crash() {
      await host.kill();
      await host.start();
    },
  };
});
