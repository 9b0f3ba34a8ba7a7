SwaggerUIBundle({
  url: "/v1/openapi.json",
  dom_id: "#explorer",
  deepLinking: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null, // the document stays here
});
