export { TemplateError, templateErrorMessage } from "./error";
export { Glob, GlobKind } from "./glob";
export { IstioPath } from "./istio-path";
export { PathTemplate } from "./path-template";
export { TemplateRewrite } from "./template-rewrite";
