import {
  to = cosell_salesforce_package.microsoft
  identity = {
    package_id = "0332w0000000001AAA"
  }
}
