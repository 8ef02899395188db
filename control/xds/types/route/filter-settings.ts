import type { Any } from "@bufbuild/protobuf/wkt";
import { type RuntimeFractionalPercentSchema } from "../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { CorsPolicySchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/cors/v3/cors_pb.ts";
import { HTTPFaultSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/fault/v3/fault_pb.ts";
import {
  FractionalPercent_DenominatorType as Denominator,
  type FractionalPercentSchema,
} from "../../../envoy-api/generated/envoy/type/v3/percent_pb.ts";
import { milliseconds, pack } from "../../../envoy-api/index.ts";
import type { CorsPolicy, Fault, HttpRoute } from "../../../model/index.ts";
import type { Init } from "./init.ts";
import { stringMatcher } from "./match.ts";

/** What a route says to Envoy's own filters, by their names. */
export function filterSettings({ fault, cors }: Pick<HttpRoute, "fault" | "cors">): Record<string, Any> {
  return {
    ...(cors === undefined ? {} : { "envoy.filters.http.cors": pack(CorsPolicySchema, corsPolicy(cors)) }),
    ...(fault === undefined ? {} : { "envoy.filters.http.fault": pack(HTTPFaultSchema, httpFault(fault)) }),
  };
}

/** In millionths, as Istio has it: 0.0001 % is the least. */
export function fraction(percentage: number): Init<typeof FractionalPercentSchema> {
  return { numerator: Math.trunc(percentage * 10_000 + 1e-6), denominator: Denominator.MILLION };
}

const ALWAYS: Init<typeof RuntimeFractionalPercentSchema> = { defaultValue: { numerator: 100, denominator: Denominator.HUNDRED } };

function corsPolicy(cors: CorsPolicy): Init<typeof CorsPolicySchema> {
  return {
    allowOriginStringMatch: cors.allowOrigins.map(stringMatcher),
    allowMethods: cors.allowMethods.join(","),
    allowHeaders: cors.allowHeaders.join(","),
    exposeHeaders: cors.exposeHeaders.join(","),
    ...(cors.maxAge === undefined ? {} : { maxAge: String(Math.trunc(cors.maxAge / 1000)) }),
    ...(cors.allowCredentials === undefined ? {} : { allowCredentials: cors.allowCredentials }),
    filterEnabled: ALWAYS,
    forwardNotMatchingPreflights: cors.unmatchedPreflights === "FORWARD",
  };
}

function httpFault({ delay, abort }: Fault): Init<typeof HTTPFaultSchema> {
  return {
    ...(delay === undefined
      ? {}
      : {
          delay: {
            percentage: fraction(delay.percentage),
            faultDelaySecifier: { case: "fixedDelay", value: milliseconds(delay.fixedDelay) },
          },
        }),
    ...(abort === undefined
      ? {}
      : {
          abort: {
            percentage: fraction(abort.percentage),
            errorType:
              "httpStatus" in abort ? { case: "httpStatus", value: abort.httpStatus } : { case: "grpcStatus", value: abort.grpcStatus },
          },
        }),
  };
}
