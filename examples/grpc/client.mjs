/** Calls the service through the gateway: node client.mjs [host:port] */
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const { shop } = grpc.loadPackageDefinition(loadSync(`${import.meta.dirname}/orders.proto`));
const client = new shop.v1.Orders(process.argv[2] ?? "127.0.0.1:8080", grpc.credentials.createInsecure());
const deadline = () => ({ deadline: Date.now() + 5_000 });

function place(order) {
  return new Promise((resolve) =>
    client.Place(order, deadline(), (error, receipt) => {
      console.log(error ? `${grpc.status[error.code]}: ${error.details}` : `receipt ${receipt.id}`);
      resolve(receipt);
    }),
  );
}

const receipt = await place({ book: "emma", quantity: 2 });
await place({ book: "emma", quantity: 0 });
if (receipt !== undefined) for await (const { says } of client.Follow(receipt, deadline())) console.log(says);
client.close();
