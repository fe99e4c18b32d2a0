"use strict";

// Addresses are relative to the page's own, so that it works behind a stage's prefix, too.
const address = document.getElementById("api").dataset.document;
const hasOperations = address === "openapi.json"; // the page of events is words alone

const ui = SwaggerUIBundle({
  url: address,
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  filter: hasOperations,
  plugins: hasOperations ? [] : [() => ({ components: { operations: () => null } })],
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // it would send the document to somebody else's server
  onComplete: () => { document.title = ui.specSelectors.info().get("title"); },
});
