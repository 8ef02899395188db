import { expect, test } from "vitest";
import { bearer, clock, load, send } from "./tester.mts";

// The examples of RFC 7515, appendix A, which share one payload: of the issuer `joe`, valid until 2011-03-22T18:43:00Z.

const PAYLOAD = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

const EXAMPLES: ReadonlyArray<readonly [title: string, key: object, header: string, signature: string]> = [
  [
    "A.1, HS256",
    { kty: "oct", k: "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow" },
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
  ],
  [
    "A.2, RS256",
    {
      kty: "RSA",
      e: "AQAB",
      n:
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b3269" +
        "0r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aG" +
        "hyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    },
    "eyJhbGciOiJSUzI1NiJ9",
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--" +
      "f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO" +
      "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
  ],
  [
    "A.3, ES256",
    { kty: "EC", crv: "P-256", x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" },
    "eyJhbGciOiJFUzI1NiJ9",
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
  ],
];

test.each(EXAMPLES)("RFC 7515, %s, passes in its time, and no longer", (_, key, header, signature) => {
  clock.setNow("2011-03-22T18:00:00Z");
  load({ jwtRules: [{ issuer: "joe", jwks: JSON.stringify({ keys: [key] }), clockSkew: "0s" }] });
  const token = `${header}.${PAYLOAD}.${signature}`;
  expect(send(bearer(token))).toBe("forwarded");
  clock.setNow("2011-03-22T18:43:01Z");
  expect(send(bearer(token))).toBe("authentication_expired");
});

test("RFC 7515, A.5, a token without a signature, is refused", () => {
  load({ jwtRules: [{ issuer: "joe", jwks: JSON.stringify({ keys: [EXAMPLES[2]?.[1]] }) }] });
  expect(send(bearer(`eyJhbGciOiJub25lIn0.${PAYLOAD}.`))).toBe("authentication_token_malformed");
});
