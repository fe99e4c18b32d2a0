"use strict";

// Addresses are relative to /docs, so that the page works behind a stage's prefix, too.
const ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  filter: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // it would send the document to somebody else's server
  onComplete: () => { document.title = ui.specSelectors.info().get("title"); },
});
