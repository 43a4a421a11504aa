"use strict";

// Shows an OpenAPI document. Nothing that is typed in is kept: keys are gone with the page.
const place = document.getElementById("swagger-ui");

SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
  requestInterceptor: (request) => {
    // A session may try the management API, too: Django asks its forms for this header.
    const own = new URL(request.url, location.href).origin === location.origin;
    if (own && !["GET", "HEAD", undefined].includes(request.method)) {
      request.headers["X-CSRFToken"] = place.dataset.csrf;
    }
    return request;
  },
});
