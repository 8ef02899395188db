import { expect, test } from "vitest";
import { until } from "../until.ts";
import { Load } from "./load.ts";
import { Bookshop, routes } from "./tasks/bookshop.ts";

const PAGE = "sidecar~10.0.0.1~productpage-v1.default~default.svc.cluster.local";
const all = (subset: string) => routes("reviews", [{ route: [{ destination: { host: "reviews", subset } }] }]);

test("a control service that is killed and started again loses no request, and sends what has changed only", async () => {
  await using shop = await Bookshop.start(all("v1"));
  const { mesh } = shop;
  await using load = new Load(shop.page.outbound("240.240.0.1:9080"), ["reviews:9080", "ratings:9080"]);
  const more = async () => {
    const before = load.answered + load.lost.length;
    await until(
      "requests are answered",
      async () => load.answered + load.lost.length,
      (answers) => answers >= before + 50,
    );
  };
  /** Types that the proxy has asked for. */
  const asked = () =>
    mesh.service.status().flatMap(({ types }) => types.flatMap(({ typeUrl, state }) => (state === "NOT SENT" ? [] : [typeUrl])));
  const before = asked();
  const back = async () => {
    await mesh.connected(PAGE);
    await until(
      "the proxy has asked for everything",
      async () => asked(),
      (types) => before.every((type) => types.includes(type)),
    );
    await mesh.settled();
  };

  await more();
  await mesh.stopControl();
  await more();

  // Nothing has changed in the meantime.
  await mesh.startControl();
  await back();
  await more();
  expect(await mesh.sent()).toEqual({});
  expect(shop.upstream("reviews-v2").requests).toEqual([]);

  await mesh.stopControl();
  mesh.edit({ "rules.yaml": all("v2") });
  await more();
  await mesh.startControl();
  await back();
  expect(await shop.count("reviews", 20)).toEqual({ "reviews-v2": 20 });
  expect(await mesh.sent()).toEqual({ rds: 1 });
  expect(load.lost).toEqual([]);
}, 60_000);
