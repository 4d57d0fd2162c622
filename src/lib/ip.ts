import { BlockList, isIP } from "node:net";

/** A test for membership in networks written as addresses or CIDR blocks. Throws a RangeError for what is neither. */
export function networkSet(networks: readonly string[]): (address: string) => boolean {
  if (networks.length === 0) return () => false;
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits, ...more] = network.split("/");
    const version = isIP(address);
    const width = version === 4 ? 32 : 128;
    const prefix = bits === undefined ? width : Number(bits);
    if (version === 0 || !/^[0-9]*$/.test(bits ?? "") || bits === "" || more.length > 0 || prefix > width)
      throw new RangeError(
        `${JSON.stringify(network)} is neither an address nor a network such as 10.0.0.0/8`,
      );
    list.addSubnet(address, prefix, version === 4 ? "ipv4" : "ipv6");
  }
  return (address) => {
    const version = isIP(address);
    return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
  };
}
