/** A gRPC service of orders, by @grpc/grpc-js. */
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const { shop } = grpc.loadPackageDefinition(loadSync(`${import.meta.dirname}/orders.proto`));
const server = new grpc.Server();

server.addService(shop.v1.Orders.service, {
  Place(call, done) {
    const { book, quantity } = call.request;
    if (quantity === 0) done({ code: grpc.status.INVALID_ARGUMENT, details: "order at least one" });
    else done(null, { id: `${book}-${quantity}` });
  },
  Follow(call) {
    for (const says of ["packed", "on its way", "delivered"]) call.write({ says });
    call.end();
  },
});

server.bindAsync("127.0.0.1:9001", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`orders: gRPC at http://127.0.0.1:${port}`);
});
