/** Examples of the standards. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isSignedBy } from "./algorithms.ts";
import { parseToken, TokenFault } from "./jws.ts";
import { keyOfJwk } from "./token-key.ts";
import { publishedKey } from "./token-minter.ts";

const PAYLOAD =
  "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

const VECTORS = [
  {
    title: "RFC 7515 A.1, RFC 7519 §3.1: HS256",
    jwk: {
      kty: "oct",
      k: "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    },
    token: `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`,
  },
  {
    title: "RFC 7515 A.2: RS256",
    jwk: {
      kty: "RSA",
      n: "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
      e: "AQAB",
    },
    token: `eyJhbGciOiJSUzI1NiJ9.${PAYLOAD}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`,
  },
  {
    title: "RFC 7515 A.3: ES256",
    jwk: {
      kty: "EC",
      crv: "P-256",
      x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    },
    token: `eyJhbGciOiJFUzI1NiJ9.${PAYLOAD}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`,
  },
];

describe("signatures of the standards' examples", () => {
  for (const { title, jwk, token } of VECTORS)
    test(title, async () => {
      const parsed = parseToken(token, 8_192);
      assert.ok(!(parsed instanceof TokenFault), (parsed as TokenFault).detail);
      const { algorithm, claims } = parsed;
      const { key, algorithms } = keyOfJwk(jwk);
      assert.ok(algorithms.has(algorithm));
      assert.equal(await isSignedBy(token, algorithm, key), true);
      assert.deepEqual(claims, { iss: "joe", exp: 1_300_819_380, "http://example.com/is_root": true });
      const [head, body, signature = ""] = token.split(".");
      const other = Buffer.from(signature, "base64url");
      other[7]! ^= 1;
      assert.equal(await isSignedBy(`${head}.${body}.${other.toString("base64url")}`, algorithm, key), false);
    });

  test("RFC 8037 A.4: Ed25519", async () => {
    const { key } = keyOfJwk({
      kty: "OKP",
      crv: "Ed25519",
      x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    });
    const signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    const signature =
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert.equal(await isSignedBy(`${signed}.${signature}`, "EdDSA", key), true);
    assert.equal(await isSignedBy(`${signed}.${signature.replace("h", "i")}`, "EdDSA", key), false);
  });
});

describe("thumbprints of the standards' examples", () => {
  test("RFC 7638 §3.1: RSA", () => {
    const n =
      "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    const { kid, alg, use } = publishedKey({ kty: "RSA", n, e: "AQAB" });
    assert.deepEqual([kid, alg, use], ["NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "RS256", "sig"]);
  });

  test("RFC 8037 A.3: Ed25519", () => {
    const x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const { kid, alg } = publishedKey({ kty: "OKP", crv: "Ed25519", x });
    assert.deepEqual([kid, alg], ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "EdDSA"]);
  });
});
