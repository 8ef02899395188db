export { Base64Padding, decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from "./base64";
