/** @peculiar/x509, which wants reflect-metadata to be loaded before it. Imported from here and nowhere else. */
import "reflect-metadata";

export * from "@peculiar/x509";
