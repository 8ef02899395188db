export { Base64Padding, decodeBase64, decodeBase64Url, decodeBase64UrlTo, encodeBase64, encodeBase64Url } from "./base64";
